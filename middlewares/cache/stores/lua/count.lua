-- Returns {entries, bytes, evicted ever, as text}; it writes nothing
local counts = redis.call('HMGET', META, 'bytes', 'evicted')
return {redis.call('HLEN', HEADS), counts[1] or '0', counts[2] or '0'}
