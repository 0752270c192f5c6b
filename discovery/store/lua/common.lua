-- The beginning of every registry script; it is put in front of each when the scripts are loaded.
--
-- KEYS, the same for all scripts, in one hash slot:
--   1 meta       hash    epoch (random, made with the data set), rev (of the last event), swept and
--                        resumed (ms: the last sweep, and the last one after none for a while),
--                        "cleared <gateway>" (the last member without its verdict, once it is dead),
--                        "url <gateway>" (where clients reach it), "why <gateway>|<member>" (what it
--                        last saw that speaks against an instance); those of dead gateways don't count
--   2 instances  hash    member -> "<registered at, ms> <ttl, ms> <active|draining> <record, JSON>"
--   3 index      zset    member, score 0: the instances of one service by lexical range
--   4 leases     zset    member, score = when its lease lapses, ms
--   5 verdicts   hash    "<gateway>|<member>" -> starting|healthy|unhealthy, one per gateway
--   6 status     hash    member -> the status that follows from the verdicts of all live gateways
--   7 unhealthy  zset    member, score = unhealthy for every live gateway since, ms
--   8 gateways   zset    gateway, score = when its lease lapses, ms
--   9 known      zset    service, score = when an instance of it last went, ms
--  10 removed    zset    member, score = when it was taken out on purpose, or lapsed while draining, ms
--  11 workers    zset    worker of a gateway, score = when its lease lapses, ms
--  12 acks       hash    "<worker>|<member>" -> requests it has at a draining instance; 0: acknowledged
--  13 probation  zset    member, score = when it was removed for ill health, ms, until it is healthy again
--  14 events     stream  rev, kind, member and what the kind needs, one entry for each change
-- A member is "<service>/<instance id>". Times are the server's, in milliseconds.
-- ARGV[1] is always a random text: the epoch, if there is none yet.

local META, INSTANCES, INDEX, LEASES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local VERDICTS, STATUS, UNHEALTHY, GATEWAYS = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local KNOWN, REMOVED, WORKERS, ACKS = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local PROBATION, EVENTS = KEYS[13], KEYS[14]
local EVENTS_KEPT = 10000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Lua's own tostring keeps only 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

-- A number that others may have written; nil where it can't be counted with.
local COUNTS_TO = 2 ^ 53
local function number(text)
  local value = tonumber(text or '')
  if value and value > -COUNTS_TO and value < COUNTS_TO then return value end
end

local function emit(kind, member, ...)
  redis.call('HSETNX', META, 'epoch', ARGV[1])
  local rev = redis.pcall('HINCRBY', META, 'rev', 1)
  if type(rev) ~= 'number' or rev < 1 or rev >= COUNTS_TO then
    -- Counting can't go on from there: followers must take the data for new ones.
    rev = 1
    redis.call('HSET', META, 'epoch', ARGV[1], 'rev', rev)
  end
  redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_KEPT, '*',
    'rev', rev, 'kind', kind, 'member', member, 'at', integer(now), ...)
  return rev
end

local function revision()
  local rev = redis.call('HGET', META, 'rev') or ''
  return string.match(rev, '^%d+$') and #rev <= 15 and tonumber(rev) or 0
end

local function epoch()
  return redis.call('HGET', META, 'epoch') or ''
end

-- Returns registered at (text), ttl in ms (text), state, record; nil when the entry is not valid
local function read(member)
  local value = redis.call('HGET', INSTANCES, member)
  if not value then return nil end
  local registered_at, ttl_ms, state, record = string.match(value, '^(%d+) (%d+) (%a+) (.*)$')
  -- Longer times can't be added up.
  if registered_at and #registered_at <= 15 and #ttl_ms <= 7 then
    return registered_at, ttl_ms, state, record
  end
end

-- Forget the acknowledgements of a drain that is over.
local function forget_drain(member)
  for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
    redis.call('HDEL', ACKS, worker .. '|' .. member)
  end
end

-- Take an instance out, with everything that is known of it.
local function forget(member)
  redis.call('HDEL', INSTANCES, member)
  redis.call('ZREM', INDEX, member)
  redis.call('ZREM', LEASES, member)
  redis.call('HDEL', STATUS, member)
  redis.call('ZREM', UNHEALTHY, member)
  for _, gateway in ipairs(redis.call('ZRANGE', GATEWAYS, 0, -1)) do
    redis.call('HDEL', VERDICTS, gateway .. '|' .. member)
    redis.call('HDEL', META, 'why ' .. gateway .. '|' .. member)
  end
  forget_drain(member)
  redis.call('ZADD', KNOWN, integer(now), string.match(member, '^[^/]*'))
end

-- Followers that still have an instance from before a loss of data keep it until this event.
local function take_out_unknown(member)
  if redis.call('ZADD', REMOVED, integer(now), member) == 1 then emit('deregistered', member) end
end

-- Renew a gateway's lease, or begin it: 1 when it is new (also after a lapse), else 0.
local function take_lease(gateway, lease_ms)
  local lease = redis.call('ZSCORE', GATEWAYS, gateway)
  redis.call('ZADD', GATEWAYS, integer(now + lease_ms), gateway)
  if lease and tonumber(lease) > now then return 0 end
  redis.call('HDEL', META, 'cleared ' .. gateway)
  return 1
end

-- The status of a registered instance; 'starting' where no living gateway has a verdict.
local function status_of(member)
  local status = redis.call('HGET', STATUS, member)
  return (status == 'healthy' or status == 'unhealthy') and status or 'starting'
end

-- Compute an instance's status anew: healthy when a living gateway passes it, unhealthy when every
-- living gateway has failed it, else starting. Without any verdict nothing changes.
local function refresh(member, evidence)
  local said, gateways = {}, redis.call('ZRANGEBYSCORE', GATEWAYS, '(' .. integer(now), '+inf')
  for _, gateway in ipairs(gateways) do
    said[redis.call('HGET', VERDICTS, gateway .. '|' .. member) or 'nothing'] = true
  end
  local before = status_of(member)
  local after = before
  if said.healthy then after = 'healthy'
  elseif said.starting or (said.unhealthy and said.nothing) then after = 'starting'
  elseif said.unhealthy then after = 'unhealthy' end
  if after == before then return end
  redis.call('HSET', STATUS, member, after)
  if after == 'unhealthy' then
    redis.call('ZADD', UNHEALTHY, integer(now), member)
  else
    redis.call('ZREM', UNHEALTHY, member)
  end
  if after == 'healthy' then redis.call('ZREM', PROBATION, member) end
  emit('health_changed', member, 'from', before, 'to', after, 'evidence', evidence)
end
