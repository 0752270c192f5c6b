-- Tells the registry of keys that have ended, after it has lost that: its data is older, or gone.
-- ARGV: 2… for each key: id, SHA-256, from when it is refused, ms
-- Returns how many were news
local news = 0
for i = 2, #ARGV, 3 do
  local id, digest, at_ms = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if end_at(digest, at_ms) then
    news = news + 1
    local digests, all_over, is_there = digests_of(id), true, false
    for _, one in ipairs(digests) do
      is_there = is_there or one == digest
      local ends = tonumber(redis.call('ZSCORE', ENDS, one) or '')
      all_over = all_over and ends ~= nil and ends <= now
    end
    if not is_there then
      digests[#digests + 1] = digest
      redis.call('HSET', DIGESTS, id, table.concat(digests, ' '))
      all_over = all_over and at_ms <= now
    end
    if all_over then revoke(id) end
    changed(id)
  end
end
return news
