-- Notes when keys were last used; only of those that are there.
-- ARGV: 2… for each: id, Unix time in s
-- Returns how many were noted
local noted = 0
for i = 2, #ARGV, 2 do
  local id, at_s = ARGV[i], tonumber(ARGV[i + 1])
  local before = tonumber(redis.call('HGET', USED, id) or '') or 0
  if at_s > before and redis.call('HEXISTS', RECORDS, id) == 1 then
    redis.call('HSET', USED, id, integer(at_s))
    noted = noted + 1
  end
end
return noted
