-- Decides which gateway asks a service for what several want to have. It stands alone, without common.lua.
-- KEYS: the lease of each call
-- ARGV: for each call: 'take', 'release' or 'watch'; the caller's token; how long it lasts, ms
-- Returns for each: take: 1 it is the caller's, 2 it is too and another one has just released it, 0 it is
--                   another one's; release: 1; watch: 1 if somebody has it, else 0
local RELEASED = '-'
local RELEASED_MS = 1000
local reply = {}
for i, lease in ipairs(KEYS) do
  local word, token, lasts_ms = ARGV[i * 3 - 2], ARGV[i * 3 - 1], ARGV[i * 3]
  local holder = redis.call('GET', lease)
  local is_free = not holder or holder == RELEASED
  if word == 'take' then
    if is_free or holder == token then
      redis.call('SET', lease, token, 'PX', lasts_ms)
      reply[i] = holder == RELEASED and 2 or 1
    else
      reply[i] = 0
    end
  elseif word == 'release' then
    if holder == token then redis.call('SET', lease, RELEASED, 'PX', RELEASED_MS) end
    reply[i] = 1
  else
    reply[i] = is_free and 0 or 1
  end
end
return reply
