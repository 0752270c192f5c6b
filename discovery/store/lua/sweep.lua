-- Take out what has lapsed and what has been unhealthy too long; safe from any number of gateways.
-- ARGV: 2 gateway ('' = none), 3 its lease in ms, 4 unhealthy instances are removed after, ms,
--       5 services and removals are remembered for, ms, 6 worker ('' = none), 7 its lease in ms (0 ends it),
--       8 where clients reach the gateway ('' = not known)
-- Returns {epoch, revision, live gateways, 1 when this gateway's lease was new, else 0, live workers,
--          {key that could not be used and has been taken away, …}}
local SWEPT_AT_ONCE = 200
local LAPSED_AT_ONCE = 1000
local CLEARED_AT_ONCE = 2000
-- No sweep for so long: the registry was away, and so heartbeats could not come in either.
local AWAY_AFTER_MS = 2000
local HOUR_MS = 3600 * 1000
local DAY_MS = 24 * HOUR_MS
local gateway, lease_ms, remove_after_ms, remembered_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local worker, worker_lease_ms, url = ARGV[6], ARGV[7], ARGV[8]

-- What another hand has written into our keys must not stop what is done for everybody else. A key of
-- another type is taken away, and what it held is made anew where it follows from the rest.
local TYPES = {
  [META] = 'hash', [INSTANCES] = 'hash', [INDEX] = 'zset', [LEASES] = 'zset', [VERDICTS] = 'hash',
  [STATUS] = 'hash', [UNHEALTHY] = 'zset', [GATEWAYS] = 'zset', [KNOWN] = 'zset', [REMOVED] = 'zset',
  [WORKERS] = 'zset', [ACKS] = 'hash', [PROBATION] = 'zset', [EVENTS] = 'stream',
}
local mended, is_mended = {}, {}
local function take_away(key)
  redis.call('DEL', key)
  mended[#mended + 1] = key
  is_mended[key] = true
end
for _, key in ipairs(KEYS) do
  local kind = redis.pcall('TYPE', key).ok
  if kind and kind ~= 'none' and kind ~= TYPES[key] then take_away(key) end
end
-- No entry can follow one with the last id there is. Who follows waits for entries behind it: for them
-- these are other data now.
local LAST_MS = '18446744073709551615-'
local last = redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)[1]
if last and string.sub(last[1], 1, #LAST_MS) == LAST_MS then
  take_away(EVENTS)
  redis.call('HSET', META, 'epoch', ARGV[1])
end
if is_mended[INDEX] or is_mended[LEASES] then
  for _, member in ipairs(redis.call('HKEYS', INSTANCES)) do
    local _, ttl_ms = read(member)
    if ttl_ms then
      redis.call('ZADD', INDEX, 0, member)
      redis.call('ZADD', LEASES, 'NX', integer(now + ttl_ms), member)
    end
  end
end
if is_mended[VERDICTS] or is_mended[STATUS] or is_mended[UNHEALTHY] then
  redis.call('DEL', VERDICTS, STATUS, UNHEALTHY, GATEWAYS)  -- every gateway says all of it again
end
-- The instances of one service are a range of the index only as long as all scores are the same.
for _, range in ipairs({{'-inf', '(0'}, {'(0', '+inf'}}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', INDEX, range[1], range[2])) do
    redis.call('ZADD', INDEX, 0, member)
  end
end
-- Nothing of ours lies a day ahead: that is another clock's time, or nobody's, and would never be over.
for _, key in ipairs({GATEWAYS, WORKERS, KNOWN, REMOVED, PROBATION}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, integer(now + DAY_MS), '+inf')) do
    redis.call('ZADD', key, integer(now), member)
  end
end

local new_lease = gateway ~= '' and take_lease(gateway, lease_ms) or 0
if gateway ~= '' and url ~= '' then redis.call('HSET', META, 'url ' .. gateway, url) end
if worker ~= '' then redis.call('ZADD', WORKERS, integer(now + worker_lease_ms), worker) end

-- A dead gateway's verdicts count no more. Of many instances each sweep clears some, from where the
-- last one ended: meanwhile nobody else is answered.
local left, some_came_or_went = CLEARED_AT_ONCE, new_lease == 1
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
    some_came_or_went = true
  else
    redis.call('HSET', META, 'cleared ' .. dead, members[#members])
  end
  left = left - #members
end

-- What else the dead ones said goes with them; and now and then what the scripts of an older release
-- left behind, whose clients may live for long.
local swept = number(redis.call('HGET', META, 'swept')) or now
local is_another_hour = math.floor(now / HOUR_MS) ~= math.floor(swept / HOUR_MS)
for _, field in ipairs((some_came_or_went or is_another_hour) and redis.call('HKEYS', META) or {}) do
  local speaker = string.match(field, '^url (.*)$')
  local witness, member = string.match(field, '^why ([^|]*)|(.*)$')
  if (speaker and not redis.call('ZSCORE', GATEWAYS, speaker))
    or (witness and not (redis.call('ZSCORE', GATEWAYS, witness)
      and redis.call('HEXISTS', INSTANCES, member) == 1)) then
    redis.call('HDEL', META, field)
  end
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
if now - swept > AWAY_AFTER_MS then redis.call('HSET', META, 'resumed', integer(now)) end
redis.call('HSET', META, 'swept', integer(now))
local resumed = number(redis.call('HGET', META, 'resumed')) or 0
if resumed > now then resumed = 0 end

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
    if redis.call('HGET', STATUS, member) == 'unhealthy' then
      forget(member)
      redis.call('ZADD', REMOVED, integer(now), member)
      redis.call('ZADD', PROBATION, integer(now), member)
      emit('removed', member)
    else
      redis.call('ZREM', UNHEALTHY, member)  -- no gateway has said so
    end
  end
end

redis.call('ZREMRANGEBYSCORE', KNOWN, '-inf', integer(now - remembered_ms))
redis.call('ZREMRANGEBYSCORE', REMOVED, '-inf', integer(now - remembered_ms))
redis.call('ZREMRANGEBYSCORE', PROBATION, '-inf', integer(now - remembered_ms))
return {
  epoch(), revision(), redis.call('ZCOUNT', GATEWAYS, '(' .. integer(now), '+inf'), new_lease,
  redis.call('ZCARD', WORKERS), mended,
}
