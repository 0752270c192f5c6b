-- Reads the certificates of a directory, if they have changed.
--
-- KEYS  the hash of the state, the hash of the proofs
-- ARGV  the version that the caller knows, '' for none
-- Returns {version}, or {version, fields of the state, fields of the proofs} if that is another one or ''.

local function field_of(key, name)
  local value = redis.pcall('HGET', key, name)
  return type(value) == 'string' and value or ''
end

-- A key of another type is not ours: it reads as empty, and the next change replaces it.
local function all_of(key)
  local found = redis.pcall('HGETALL', key)
  return found.err and {} or found
end

local version = field_of(KEYS[1], 'version')
if version ~= '' and version == ARGV[1] then return {version} end
return {version, all_of(KEYS[1]), all_of(KEYS[2])}
