-- The beginning of every script of the splits; it is put in front of each when the scripts are loaded.
--
-- KEYS, the same for all scripts, in one hash slot:
--   1 states    hash  id -> 'REVISION SINCE BEGAN STATE': REVISION grows by one with each change; SINCE is when
--                     the state was made, BEGAN when the section of the file came into force, both ms; STATE is
--                     JSON that only gateways read. '' -> when a state was changed last, to the microsecond
--   2 evidence  hash  id -> JSON of what all gateways have counted in this revision: r its number, p the length of
--                     a period, ms, t counts since the revision was made, n the periods that are kept; and
--                     'ID PERIOD' -> JSON of the counts of that period
--   3 used      zset  id -> when a gateway last asked for it, ms
--   4 workers   hash  worker -> 'AT NOTE': when it last asked, ms, and the revisions that it goes by, JSON
-- An id is the name of a route, and a hash of its section in the file. Times are Unix times of the server.

local STATES, EVIDENCE, USED, WORKERS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)

-- Lua's own tostring keeps only 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

-- The revision, since, began and JSON of an id; nothing where there is none, or none that can be read.
local function state_of(id)
  local text = redis.call('HGET', STATES, id) or ''
  local revision, since, began, state = string.match(text, '^(%d+) (%d+) (%d+) (.*)$')
  return tonumber(revision), tonumber(since), tonumber(began), state
end

local function forget_evidence(id)
  local read, found = pcall(cjson.decode, redis.call('HGET', EVIDENCE, id) or '')
  if read and type(found) == 'table' and type(found.n) == 'table' then
    for _, period in ipairs(found.n) do
      if type(period) == 'number' then redis.call('HDEL', EVIDENCE, id .. ' ' .. integer(period)) end
    end
  end
  redis.call('HDEL', EVIDENCE, id)
end

-- What is kept of an id's evidence; a new one if it is of another revision or of periods of another length.
local function evidence_of(id, revision, period_ms)
  local kept = redis.call('HGET', EVIDENCE, id)
  local read, found = pcall(cjson.decode, kept or '')
  if read and type(found) == 'table' and found.r == revision and found.p == period_ms then return found end
  if kept then forget_evidence(id) end
  return {r = revision, p = period_ms, t = {}, n = {}}
end

local function keep(id, revision, since, began, state)
  redis.call('HSET', STATES, id, table.concat({integer(revision), integer(since), integer(began), state}, ' '),
    '', time[1] .. '.' .. time[2])
end
