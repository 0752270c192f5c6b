-- The beginning of every script of the API keys; it is put in front of each when the scripts are loaded.
--
-- KEYS, the same for all scripts, in one hash slot:
--   1 meta     hash  epoch (random, made with the first key), rev (of the last change: the server's time in
--                    us, or one more than the last if that is not later)
--   2 records  hash  id -> what a key may do, JSON; a revoked key has none
--   3 digests  hash  id -> the SHA-256 of its keys, hex, newest first, with a space between; a revoked key
--                    has them too, until it is forgotten
--   4 ends     zset  SHA-256 -> from when it is refused, ms; it never becomes later
--   5 changes  zset  id -> rev of its last change
--   6 over     zset  id -> when it was revoked or expires, ms
--   7 used     hash  id -> last use, s
-- ARGV[1] is always a random text: the epoch, if there is none yet. Times are Unix times of the server.

local META, RECORDS, DIGESTS, ENDS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CHANGES, OVER, USED = KEYS[5], KEYS[6], KEYS[7]
-- A revoked or expired key is forgotten after 90 days: no older copy of the data may bring it back before.
local REMEMBERED_MS = 90 * 86400 * 1000
local FORGOTTEN_AT_ONCE = 10
local MOST_DIGESTS = 20

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)

-- Lua's own tostring keeps only 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

local function epoch()
  return redis.call('HGET', META, 'epoch') or ''
end

local function revision()
  local rev = redis.call('HGET', META, 'rev') or ''
  return string.match(rev, '^%d+$') and #rev <= 16 and tonumber(rev) or 0
end

local function digests_of(id)
  local digests = {}
  for digest in string.gmatch(redis.call('HGET', DIGESTS, id) or '', '%S+') do
    digests[#digests + 1] = digest
  end
  return digests
end

-- Refuse a key from this time on, unless it is refused earlier already; true if that is new.
local function end_at(digest, at_ms)
  local ends = tonumber(redis.call('ZSCORE', ENDS, digest) or '')
  if ends and ends <= at_ms then return false end
  redis.call('ZADD', ENDS, integer(at_ms), digest)
  return true
end

local function forget(id)
  for _, digest in ipairs(digests_of(id)) do redis.call('ZREM', ENDS, digest) end
  redis.call('HDEL', RECORDS, id)
  redis.call('HDEL', DIGESTS, id)
  redis.call('HDEL', USED, id)
  redis.call('ZREM', CHANGES, id)
  redis.call('ZREM', OVER, id)
end

-- Note a change of an id, and return what the caller may wait for: epoch, rev.
local function changed(id)
  redis.call('HSETNX', META, 'epoch', ARGV[1])
  local rev = integer(math.max(revision() + 1, now_us))
  redis.call('HSET', META, 'rev', rev)
  redis.call('ZADD', CHANGES, rev, id)
  local long_over = redis.call('ZRANGEBYSCORE', OVER, '-inf', integer(now - REMEMBERED_MS),
    'LIMIT', 0, FORGOTTEN_AT_ONCE)
  for _, other in ipairs(long_over) do forget(other) end
  return epoch(), rev
end

local function revoke(id)
  for _, digest in ipairs(digests_of(id)) do end_at(digest, now) end
  redis.call('HDEL', RECORDS, id)
  redis.call('HDEL', USED, id)
  redis.call('ZADD', OVER, integer(now), id)
end
