-- Writes a record of purges into the log, and deletes the oldest ones while there are too many bytes.
-- ARGV: 2 worker, 3 purges, 4 '1' if the worker waits for the others, 5 most bytes of the log,
--       6 for how long a follower may be silent, ms
-- Returns {epoch, rev, {workers that follow the log}}
local worker, purges, awaited, most, silent_ms = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local OVERHEAD = 100
redis.call('HSETNX', META, 'epoch', ARGV[1])
-- A log without its revision is the rest of lost data.
if number_of('rev') == 0 then redis.call('DEL', LOG) end
local rev = integer(math.max(number_of('rev') + 1, now_us))
redis.call('XADD', LOG, rev .. '-0', 'purges', purges, 'worker', worker, 'awaited', awaited)
redis.call('HSET', META, 'rev', rev)
local bytes = redis.call('HINCRBY', META, 'bytes', #purges + OVERHEAD)
while bytes > most do
  local oldest = redis.call('XRANGE', LOG, '-', '+', 'COUNT', 100)
  local ids, size = {}, 0
  for _, row in ipairs(oldest) do
    if row[1] == rev .. '-0' or bytes - size <= most then break end
    ids[#ids + 1], size = row[1], size + #row[2][2] + OVERHEAD
  end
  if #ids == 0 then break end
  redis.call('XDEL', LOG, unpack(ids))
  redis.call('HSET', META, 'trimmed', string.match(ids[#ids], '^%d+'))
  bytes = redis.call('HINCRBY', META, 'bytes', -size)
end
redis.call('ZREMRANGEBYSCORE', FOLLOWERS, '-inf', '(' .. integer(now - silent_ms))
return {redis.call('HGET', META, 'epoch'), rev, redis.call('ZRANGE', FOLLOWERS, 0, 999)}
