-- Keep a notification once for each idempotency key, and drop the oldest ones beyond the limit.
--
-- KEYS  1 notes  stream  kind, symbol ('' for none), text (JSON), key; oldest first
--       2 keys   hash    idempotency key -> id of its notification, as long as that is kept
-- ARGV  1 how many to keep, 2 kind, 3 symbol or '', 4 text, 5 idempotency key
-- Returns {'kept', id}, {'repeated', id} where key and text are those of a kept notification,
--         or {'reused', id} where only the key is
local NOTES, KEYS_SEEN = KEYS[1], KEYS[2]
local most, kind, symbol, text, key = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end

local seen = redis.call('HGET', KEYS_SEEN, key)
local before = seen and redis.call('XRANGE', NOTES, seen, seen)[1]
if before then
  if field(before, 'text') == text then return {'repeated', seen} end
  return {'reused', seen}
end

local id = redis.call('XADD', NOTES, '*', 'kind', kind, 'symbol', symbol, 'text', text, 'key', key)
redis.call('HSET', KEYS_SEEN, key, id)

local excess = redis.call('XLEN', NOTES) - most
if excess > 0 then
  for _, entry in ipairs(redis.call('XRANGE', NOTES, '-', '+', 'COUNT', excess)) do
    redis.call('HDEL', KEYS_SEEN, field(entry, 'key'))
    redis.call('XDEL', NOTES, entry[1])
  end
end
return {'kept', id}
