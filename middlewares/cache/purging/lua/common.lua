-- The beginning of the scripts `record` and `read` of the log of purges.
--
-- KEYS, in one hash slot:
--   1 meta       hash    epoch (random; another one: the log began anew), rev (of the last record: the
--                        server's time in us, or one more than the last if that is not later), bytes (of
--                        all records), trimmed (rev of the last record that was deleted)
--   2 log        stream  the id is <rev>-0; fields: purges (see deciding/records.py), worker, awaited
--                        (1: who wrote it waits for the others)
--   3 followers  zset    worker -> when it last read the log, ms
-- ARGV[1] is always a random text: the epoch, if there is none yet. Times are Unix times of the server.

local META, LOG, FOLLOWERS = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)

-- Lua's own tostring keeps only 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

local function number_of(field)
  local text = redis.call('HGET', META, field) or ''
  return string.match(text, '^%d+$') and #text <= 16 and tonumber(text) or 0
end
