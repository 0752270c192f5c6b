-- Forgets the entries of a primary key, and its mark.
-- ARGV: 1 primary key, 2 only those that were stored by then (ms), 0: all of them
-- Returns how many
local key, until_ms, count = ARGV[1], tonumber(ARGV[2]), 0
local _, ids = kept_under(key)
for _, id in ipairs(each_id(ids)) do
  local head = until_ms > 0 and redis.call('HGET', HEADS, id)
  if not head or (tonumber(string.sub(head, 3, 17)) or 0) <= until_ms then
    forget(id)
    count = count + 1
  end
end
if until_ms == 0 then
  redis.call('HDEL', KEPT, key)
  redis.call('ZREM', MARKS, key)
end
return count
