-- Forgets entries by their URL or tag, or makes them stale, some in each call.
-- ARGV: 1 'urls' or 'tags', 2 and 3 the members from and to, as ZRANGEBYLEX has them, 4 '1' to make them
--       stale only, 5 most in this call
-- Returns {how many, the member to go on after, or ''}
local index = ARGV[1] == 'tags' and TAGS or URLS
local most, count = tonumber(ARGV[5]), 0
local members = redis.call('ZRANGEBYLEX', index, ARGV[2], ARGV[3], 'LIMIT', 0, most)
for _, member in ipairs(members) do
  local id = string.sub(member, -ID_BYTES)
  local head = redis.call('HGET', HEADS, id)
  if not head then
    redis.call('ZREM', index, member)
  elseif ARGV[4] == '1' then
    redis.call('HSET', HEADS, id, '11' .. string.sub(head, 3))
    count = count + 1
  else
    forget(id)
    count = count + 1
  end
end
return {count, #members == most and members[#members] or ''}
