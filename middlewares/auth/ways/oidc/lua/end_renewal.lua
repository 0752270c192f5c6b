-- Keeps a renewed session for everybody, and ends the renewal.
-- KEYS: 1 the newest session, 2 the lock of its renewal
-- ARGV: 1 generation, 2 sealed, 3 ms that the session still lasts, 4 the caller's token
-- Returns 1 if it is now the newest, 0 if a newer one was there.
local known = redis.call("HGET", KEYS[1], "g")
local newer = not known or tonumber(known) < tonumber(ARGV[1])
if newer then
  redis.call("HSET", KEYS[1], "g", ARGV[1], "s", ARGV[2])
  redis.call("PEXPIRE", KEYS[1], ARGV[3])
end
if redis.call("GET", KEYS[2]) == ARGV[4] then
  redis.call("DEL", KEYS[2])
end
return newer and 1 or 0
