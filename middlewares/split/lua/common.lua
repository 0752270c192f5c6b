-- The beginning of every script of the splits; it is put in front of each when the scripts are loaded.
--
-- KEYS, the same for all scripts, in one hash slot:
--   1 states    hash  id -> 'REVISION SINCE BEGAN STATE': REVISION grows by one with each change; SINCE is when
--                     the state was made, BEGAN when the section of the file came into force, both ms; STATE is
--                     JSON that only gateways read
--   2 evidence  hash  id -> JSON of what all gateways have counted in this revision: r its number, p the length of
--                     a period, ms, b counts by period, t counts since the revision was made
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

local function keep(id, revision, since, began, state)
  redis.call('HSET', STATES, id, table.concat({integer(revision), integer(since), integer(began), state}, ' '))
end
