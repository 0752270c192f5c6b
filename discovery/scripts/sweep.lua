-- Take out what has lapsed and what has been unhealthy too long; safe from any number of gateways.
-- ARGV: 2 gateway ('' = none), 3 its lease in ms, 4 unhealthy instances are removed after, ms,
--       5 services and removals are remembered for, ms, 6 worker ('' = none), 7 its lease in ms (0 ends it)
-- Returns {epoch, revision, live gateways, 1 when this gateway's lease was new, else 0, live workers}
local SWEPT_AT_ONCE = 200
local LAPSED_AT_ONCE = 1000
local CLEARED_AT_ONCE = 2000
-- No sweep for so long: the registry was away, and so heartbeats could not come in either.
local AWAY_AFTER_MS = 2000
local gateway, lease_ms, remove_after_ms, remembered_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local worker, worker_lease_ms = ARGV[6], ARGV[7]
local new_lease = gateway ~= '' and take_lease(gateway, lease_ms) or 0
if worker ~= '' then redis.call('ZADD', WORKERS, integer(now + worker_lease_ms), worker) end

-- A dead gateway's verdicts count no more. Of many instances each sweep clears some, from where the
-- last one ended: meanwhile nobody else is answered.
local left = CLEARED_AT_ONCE
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', GATEWAYS, '-inf', integer(now))) do
  if left <= 0 then break end
  local cleared = redis.call('HGET', META, 'cleared ' .. dead)
  local members = redis.call('ZRANGEBYLEX', INDEX, cleared and '(' .. cleared or '-', '+',
    'LIMIT', 0, left)
  for _, member in ipairs(members) do
    redis.call('HDEL', VERDICTS, dead .. '|' .. member)
    refresh(member, 'a gateway is gone')
  end
  if #members < left then
    redis.call('ZREM', GATEWAYS, dead)
    redis.call('HDEL', META, 'cleared ' .. dead)
  else
    redis.call('HSET', META, 'cleared ' .. dead, members[#members])
  end
  left = left - #members
end

-- Nor do a dead worker's acknowledgements.
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, '-inf', integer(now))) do
  redis.call('ZREM', WORKERS, dead)
  for _, field in ipairs(redis.call('HKEYS', ACKS)) do
    if string.sub(field, 1, #dead + 1) == dead .. '|' then redis.call('HDEL', ACKS, field) end
  end
end

-- After an outage each instance has the time of its lease to be heard of again: the end of an outage
-- is no mass deregistration.
local swept = tonumber(redis.call('HGET', META, 'swept') or integer(now))
if now - swept > AWAY_AFTER_MS then redis.call('HSET', META, 'resumed', integer(now)) end
redis.call('HSET', META, 'swept', integer(now))
local resumed = tonumber(redis.call('HGET', META, 'resumed') or '0')

local left_to_expire = SWEPT_AT_ONCE
for _, member in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', integer(now),
    'LIMIT', 0, LAPSED_AT_ONCE)) do
  if left_to_expire == 0 then break end
  local _, ttl_ms, state = read(member)
  local waits_until = resumed + tonumber(ttl_ms or '0')
  if waits_until > now then
    -- Its lease goes on: left among the lapsed, it would keep sweeps from those that are due.
    redis.call('ZADD', LEASES, integer(waits_until), member)
  else
    forget(member)
    -- Whoever was cut off meanwhile must not take it for lost, and send it requests again.
    if state == 'draining' then redis.call('ZADD', REMOVED, integer(now), member) end
    emit('expired', member)
    left_to_expire = left_to_expire - 1
  end
end

-- Nobody could say that an instance is well again while the registry was away.
if now - resumed >= tonumber(remove_after_ms) then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', UNHEALTHY, '-inf',
      integer(now - remove_after_ms), 'LIMIT', 0, SWEPT_AT_ONCE)) do
    forget(member)
    redis.call('ZADD', REMOVED, integer(now), member)
    redis.call('ZADD', PROBATION, integer(now), member)
    emit('removed', member)
  end
end

redis.call('ZREMRANGEBYSCORE', KNOWN, '-inf', integer(now - remembered_ms))
redis.call('ZREMRANGEBYSCORE', REMOVED, '-inf', integer(now - remembered_ms))
redis.call('ZREMRANGEBYSCORE', PROBATION, '-inf', integer(now - remembered_ms))
return {
  epoch(), revision(), redis.call('ZCOUNT', GATEWAYS, '(' .. integer(now), '+inf'), new_lease,
  redis.call('ZCARD', WORKERS),
}
