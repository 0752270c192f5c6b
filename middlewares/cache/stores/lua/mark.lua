-- Marks a primary key: what is asked for there can't be kept.
-- ARGV: 1 primary key, 2 for how long, ms, 3 most marks
local key, lasts_ms, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', MARKS, '-inf', integer(now))
while redis.call('ZCARD', MARKS) >= most do
  local first = redis.call('ZRANGE', MARKS, 0, 0)[1]
  redis.call('ZREM', MARKS, first)
end
redis.call('ZADD', MARKS, integer(now + lasts_ms), key)
redis.call('PEXPIRE', MARKS, 86400 * 1000)
return 1
