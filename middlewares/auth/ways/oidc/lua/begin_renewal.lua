-- Decides who renews the tokens of a session.
-- KEYS: 1 the newest session (a hash: g generation, s sealed), 2 the lock of its renewal
-- ARGV: 1 the generation that the caller knows, 2 the caller's token, 3 ms that the lock lasts
-- Returns {"newer", sealed}; {"yours"}: the caller renews; {"wait"}: another one does.
local known = redis.call("HMGET", KEYS[1], "g", "s")
if known[1] and tonumber(known[1]) > tonumber(ARGV[1]) then
  return { "newer", known[2] }
end
if redis.call("SET", KEYS[2], ARGV[2], "NX", "PX", ARGV[3]) then
  return { "yours" }
end
return { "wait" }
