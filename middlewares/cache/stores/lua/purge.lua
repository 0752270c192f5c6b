-- Forgets entries by their URLs or tags, or makes them stale, some in each call.
-- ARGV: 1 most members that are looked at in this call, then for each purge: 'urls' or 'tags', the members
--       from and to, as ZRANGEBYLEX has them, '1' to make them stale only
-- Returns {how many, purges that are done, the member to go on after in the next one, or ''}
local left, count = tonumber(ARGV[1]), 0

local function purge(id, index, member, is_soft)
  local head = redis.call('HGET', HEADS, id)
  if not head then
    redis.call('ZREM', index, member)
    return
  end
  if is_soft then
    redis.call('HSET', HEADS, id, '11' .. string.sub(head, 3))
  else
    forget(id)
  end
  count = count + 1
end

local done = 0
for at = 2, #ARGV, 4 do
  local index = ARGV[at] == 'tags' and TAGS or URLS
  local members = redis.call('ZRANGEBYLEX', index, ARGV[at + 1], ARGV[at + 2], 'LIMIT', 0, left)
  for _, member in ipairs(members) do
    purge(string.sub(member, -ID_BYTES), index, member, ARGV[at + 3] == '1')
  end
  if #members == left then return {count, done, members[#members]} end
  left = left - #members
  done = done + 1
end
return {count, done, ''}
