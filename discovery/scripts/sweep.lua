-- Take out what has lapsed and what has been unhealthy too long; safe from any number of gateways.
-- ARGV: 2 gateway ('' = none), 3 its lease in ms, 4 unhealthy instances are removed after, ms,
--       5 services and removals are remembered for, ms
-- Returns {epoch, revision, live gateways, 1 when this gateway's lease was new, else 0}
local SWEPT_AT_ONCE = 200
local gateway, lease_ms, remove_after_ms, remembered_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local new_lease = 0

if gateway ~= '' then
  local lease = redis.call('ZSCORE', GATEWAYS, gateway)
  if not lease or tonumber(lease) <= now then new_lease = 1 end
  redis.call('ZADD', GATEWAYS, integer(now + lease_ms), gateway)
end

-- A dead gateway's verdicts count no more.
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', GATEWAYS, '-inf', integer(now))) do
  redis.call('ZREM', GATEWAYS, dead)
  for _, member in ipairs(redis.call('ZRANGE', INDEX, 0, -1)) do
    redis.call('HDEL', VERDICTS, dead .. '|' .. member)
    refresh(member, 'a gateway is gone')
  end
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', integer(now),
    'LIMIT', 0, SWEPT_AT_ONCE)) do
  forget(member)
  emit('expired', member)
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', UNHEALTHY, '-inf',
    integer(now - remove_after_ms), 'LIMIT', 0, SWEPT_AT_ONCE)) do
  forget(member)
  redis.call('ZADD', REMOVED, integer(now), member)
  emit('removed', member)
end

redis.call('ZREMRANGEBYSCORE', KNOWN, '-inf', integer(now - remembered_ms))
redis.call('ZREMRANGEBYSCORE', REMOVED, '-inf', integer(now - remembered_ms))
return {epoch(), revision(), redis.call('ZCARD', GATEWAYS), new_lease}
