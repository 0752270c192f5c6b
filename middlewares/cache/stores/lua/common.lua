-- The beginning of every script of the kept answers; it is put in front of each when the scripts are loaded.
--
-- KEYS, the same for all scripts, in one hash slot:
--   1 meta    hash  bytes (of all entries), latest (the latest time seen, ms), evicted (entries, ever)
--   2 keys    hash  primary key -> names of Vary, a newline, the ids of its entries, the oldest first
--   3 heads   hash  id -> the head of an entry, see below
--   4 bodies  hash  id -> its body
--   5 uses    zset  id -> last use, ms
--   6 urls    zset  URL, NUL, id; and the same with the path and query alone
--   7 tags    zset  tag, NUL, id
--   8 marks   zset  primary key -> until when nobody waits for another one's answer, ms
-- A primary key has 32 bytes, an id 16. A head is '1', '1' if it is stale or '0', when it was stored (ms, 15
-- digits), its bytes with overhead (10 digits), its primary key, its URL, a newline, its tags with a space
-- between, a newline, and what the gateway reads alone. Times are Unix times of the server.

local META, KEPT, HEADS, BODIES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local USES, URLS, TAGS, MARKS = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local ID_BYTES, HEAD_BYTES = 16, 59
-- A server's clock may be put back, or another server with another clock may take over.
local MOST_BACK_MS = 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Lua's own tostring keeps only 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

-- The ages of what is kept can't be told after the clock went back.
local latest = tonumber(redis.call('HGET', META, 'latest') or '') or 0
local went_back = latest > now + MOST_BACK_MS

local function wipe()
  redis.call('UNLINK', unpack(KEYS, 1, 8))
  latest, went_back = 0, false
end

-- The names of Vary and the ids of a primary key; nothing if there is no such key.
local function kept_under(key)
  local record = redis.call('HGET', KEPT, key)
  if not record then return nil, '' end
  local names, ids = string.match(record, '^([^\n]*)\n(.*)$')
  return names, ids or ''
end

local function each_id(ids)
  local split = {}
  for at = 1, #ids - ID_BYTES + 1, ID_BYTES do
    split[#split + 1] = string.sub(ids, at, at + ID_BYTES - 1)
  end
  return split
end

-- The members of the indexes of a head.
local function indexed(head, id)
  local url, tags = string.match(head, '^([^\n]*)\n([^\n]*)\n', HEAD_BYTES + 1)
  local urls, of_tags = {}, {}
  if url then
    urls[1] = url .. '\0' .. id
    local path = string.match(url, '^%a+://[^/]*(/.*)$')
    if path then urls[2] = path .. '\0' .. id end
    for tag in string.gmatch(tags, '[^ ]+') do of_tags[#of_tags + 1] = tag .. '\0' .. id end
  end
  return urls, of_tags
end

local function forget(id)
  local head = redis.call('HGET', HEADS, id)
  redis.call('HDEL', HEADS, id)
  redis.call('HDEL', BODIES, id)
  redis.call('ZREM', USES, id)
  if not head then return end
  local urls, tags = indexed(head, id)
  for _, member in ipairs(urls) do redis.call('ZREM', URLS, member) end
  for _, member in ipairs(tags) do redis.call('ZREM', TAGS, member) end
  redis.call('HINCRBY', META, 'bytes', -(tonumber(string.sub(head, 18, 27)) or 0))
  local key = string.sub(head, 28, HEAD_BYTES)
  local names, ids = kept_under(key)
  local others = {}
  for _, other in ipairs(each_id(ids)) do
    if other ~= id then others[#others + 1] = other end
  end
  if #others == 0 then
    redis.call('HDEL', KEPT, key)
  else
    redis.call('HSET', KEPT, key, names .. '\n' .. table.concat(others))
  end
end
