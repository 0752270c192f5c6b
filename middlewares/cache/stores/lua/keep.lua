-- Keeps an entry, in place of one with the same id. Entries of its primary key with other names of Vary are
-- forgotten, and the longest unused ones where there is no room.
-- ARGV: 1 primary key, 2 id, 3 names of Vary, 4 when it was stored, by this server's clock (ms), or if that is
--       not known how long ago, below 0; 5 bytes with overhead, 6 URL, 7 tags
--       with a space between, 8 what the gateway reads alone, 9 body, 10 most bytes of all, 11 most entries
--       of a primary key
-- Returns 1 if it is kept; 0 if there is no room yet: the caller may ask again
local EVICTED_PER_CALL = 100
local LASTS_MS = 7 * 86400 * 1000
local key, id, names = ARGV[1], ARGV[2], ARGV[3]
local size, most, most_variants = tonumber(ARGV[5]), tonumber(ARGV[10]), tonumber(ARGV[11])

-- A server that takes no more refuses this, before anything is changed.
redis.call('HSET', META, 'latest', integer(math.max(now, latest)))

-- A server that is short of memory may have dropped a part.
local function is_whole()
  local entries = redis.call('HLEN', HEADS)
  local kept_bytes = tonumber(redis.call('HGET', META, 'bytes') or '') or 0
  return entries == redis.call('HLEN', BODIES) and entries == redis.call('ZCARD', USES)
    and (entries == 0) == (kept_bytes == 0) and (entries == 0) == (redis.call('HLEN', KEPT) == 0)
end
if went_back or not is_whole() then wipe() end

local is_used = redis.call('HEXISTS', HEADS, id) == 1
forget(id)
local names_before, ids = kept_under(key)
if names_before and names_before ~= names then
  for _, other in ipairs(each_id(ids)) do forget(other) end
end

local bytes = tonumber(redis.call('HGET', META, 'bytes') or '') or 0
local score = now
if bytes + size > most and not is_used then
  -- What was asked for once is evicted before what is asked for again and again: it begins before the five
  -- eighths that were used last, and passes them when it is used.
  local middle = math.floor(redis.call('ZCARD', USES) * 3 / 8)
  local there = redis.call('ZRANGE', USES, middle, middle, 'WITHSCORES')
  score = math.min(now, tonumber(there[2] or '') or now)
end
local left = EVICTED_PER_CALL
while bytes + size > most and left > 0 do
  local oldest = redis.call('ZRANGE', USES, 0, 0)[1]
  if not oldest then
    wipe()
    bytes = 0
    break
  end
  forget(oldest)
  redis.call('HINCRBY', META, 'evicted', 1)
  bytes = tonumber(redis.call('HGET', META, 'bytes') or '') or 0
  left = left - 1
end
if bytes + size > most then return 0 end

names_before, ids = kept_under(key)
local variants = each_id(ids)
for i = 1, #variants - most_variants + 1 do forget(variants[i]) end
names_before, ids = kept_under(key)
local stored_ms = tonumber(ARGV[4])
if stored_ms <= 0 then stored_ms = now + stored_ms end
local stored = string.format('%015.0f', math.max(0, math.min(now, stored_ms)))
local head = '10' .. stored .. string.format('%010.0f', size) .. key
  .. ARGV[6] .. '\n' .. ARGV[7] .. '\n' .. ARGV[8]
redis.call('HSET', HEADS, id, head)
redis.call('HSET', BODIES, id, ARGV[9])
redis.call('HSET', KEPT, key, names .. '\n' .. ids .. id)
redis.call('ZADD', USES, integer(score), id)
local urls, tags = indexed(head, id)
for _, member in ipairs(urls) do redis.call('ZADD', URLS, 0, member) end
for _, member in ipairs(tags) do redis.call('ZADD', TAGS, 0, member) end
redis.call('ZREM', MARKS, key)
redis.call('HINCRBY', META, 'bytes', integer(size))
redis.call('HSET', META, 'latest', integer(math.max(now, latest)))
-- What no gateway uses any more goes by itself.
for i = 1, 8 do redis.call('PEXPIRE', KEYS[i], LASTS_MS) end
return 1
