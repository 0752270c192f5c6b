-- Reads the certificates of a directory, if they have changed.
--
-- KEYS  the hash of the state, the hash of the proofs
-- ARGV  the version that the caller knows, '' for none
-- Returns {version}, or {version, fields of the state, fields of the proofs} if that is another one or '';
--         fields are names, each followed by its value.

-- A key of another type is not ours: it reads as empty, and the next change replaces it.
local function is_hash(key)
  return redis.call('TYPE', key)['ok'] == 'hash'
end

local function all_of(key)
  local found = {}
  for _, name in ipairs(is_hash(key) and redis.call('HKEYS', key) or {}) do
    found[#found + 1] = name
    found[#found + 1] = redis.call('HGET', key, name)
  end
  return found
end

local version = is_hash(KEYS[1]) and redis.call('HGET', KEYS[1], 'version') or ''
if version ~= '' and version == ARGV[1] then return {version} end
return {version, all_of(KEYS[1]), all_of(KEYS[2])}
