-- Take out instances that lapsed or were unhealthy for too long; any number of gateways may sweep.
-- ARGV: 2 gateway ('' = none), 3 its lease in ms, 4 unhealthy instances are removed after, ms,
--       5 services and removals are remembered for, ms, 6 worker ('' = none), 7 its lease in ms (0 ends it),
--       8 where clients reach the gateway ('' = not known)
-- Returns {epoch, revision, live gateways, 1 when this gateway's lease was new, else 0, live workers,
--          {key that could not be used and has been removed, …}}
local SWEPT_AT_ONCE = 200
local LAPSED_AT_ONCE = 1000
local CLEARED_AT_ONCE = 2000
-- After no sweep for this long, the registry was away, and heartbeats could not come in either.
local AWAY_AFTER_MS = 2000
local HOUR_MS = 3600 * 1000
local DAY_MS = 24 * HOUR_MS
local gateway, lease_ms, remove_after_ms, remembered_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local worker, worker_lease_ms, url = ARGV[6], ARGV[7], ARGV[8]

-- Keys that others have overwritten must not stop the sweep. A key of another type is removed; what
-- follows from other keys is made anew.
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
-- No entry can follow one with the greatest id. Followers wait for entries behind it, so they must
-- take the data for new ones.
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
-- The instances of one service are a range of the index only while all scores are equal.
for _, range in ipairs({{'-inf', '(0'}, {'(0', '+inf'}}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', INDEX, range[1], range[2])) do
    redis.call('ZADD', INDEX, 0, member)
  end
end
-- A time more than a day ahead is from another clock, or wrong, and would never pass.
for _, key in ipairs({GATEWAYS, WORKERS, KNOWN, REMOVED, PROBATION}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, integer(now + DAY_MS), '+inf')) do
    redis.call('ZADD', key, integer(now), member)
  end
end

local new_lease = gateway ~= '' and take_lease(gateway, lease_ms) or 0
if gateway ~= '' and url ~= '' then redis.call('HSET', META, 'url ' .. gateway, url) end
if worker ~= '' then redis.call('ZADD', WORKERS, integer(now + worker_lease_ms), worker) end

-- A dead gateway's verdicts no longer count. Each sweep clears those on some instances and begins where
-- the last one ended, since the server answers nobody else meanwhile.
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

-- A dead gateway's other entries go too; and once an hour also what scripts of an older release wrote,
-- whose clients may live for long.
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

-- A dead worker's acknowledgements go too.
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, '-inf', integer(now))) do
  redis.call('ZREM', WORKERS, dead)
  for _, field in ipairs(redis.call('HKEYS', ACKS)) do
    if string.sub(field, 1, #dead + 1) == dead .. '|' then redis.call('HDEL', ACKS, field) end
  end
end

-- After an outage each instance gets the time of one lease to send a heartbeat, so that the end of an
-- outage deregisters nobody by mistake.
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
    -- Its lease goes on: among the lapsed ones it would hide those that are due.
    redis.call('ZADD', LEASES, integer(waits_until), member)
  else
    forget(member)
    -- A gateway that was cut off meanwhile must not take the instance for lost and send it requests.
    if state == 'draining' then redis.call('ZADD', REMOVED, integer(now), member) end
    emit('expired', member)
    left_to_expire = left_to_expire - 1
  end
end

-- While the registry was away, no gateway could report that an instance is well again.
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
