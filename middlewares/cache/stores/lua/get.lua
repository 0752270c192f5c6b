-- Reads entries. It writes when they were last used, where the server lets it.
-- ARGV: 1 bytes after which the rest is left for another call, then for each: primary key, id
-- Returns the time in ms, then for each: {4, head, body} the entry; {2, names of Vary} if there are entries
--         under the primary key, but not this one; {1, ms left} if it is marked; {0} nothing; {9} ask again
local TOUCHED_AFTER_MS = 1000
local most, sent = tonumber(ARGV[1]), 0

local function found(key, id)
  if went_back then return {0} end
  local head = redis.call('HGET', HEADS, id)
  local body = head and redis.call('HGET', BODIES, id)
  if body then
    local used = tonumber(redis.call('ZSCORE', USES, id) or '') or 0
    -- A replica or a full server refuses it, and is read all the same.
    if used < now - TOUCHED_AFTER_MS then redis.pcall('ZADD', USES, integer(now), id) end
    sent = sent + #head + #body
    return {4, head, body}
  end
  local until_ms = tonumber(redis.call('ZSCORE', MARKS, key) or '') or 0
  if until_ms > now then return {1, integer(until_ms - now)} end
  local names = kept_under(key)
  if names then return {2, names} end
  return {0}
end

local reply = {integer(now)}
for at = 2, #ARGV, 2 do
  reply[#reply + 1] = sent >= most and {9} or found(ARGV[at], ARGV[at + 1])
end
if latest < now - MOST_BACK_MS and latest > 0 then
  redis.pcall('HSET', META, 'latest', integer(now))
end
return reply
