-- Forgets all entries of a primary key, and its mark.
-- ARGV: 1 primary key
-- Returns how many
local _, ids = kept_under(ARGV[1])
ids = each_id(ids)
for _, id in ipairs(ids) do forget(id) end
redis.call('HDEL', KEPT, ARGV[1])
redis.call('ZREM', MARKS, ARGV[1])
return #ids
