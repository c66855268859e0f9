-- KEYS: texts by id, ids by the end of their time, bytes of all. ARGV[3]: bytes of each besides its text. ARGV[4]: the text.
local texts, ends, size = KEYS[1], KEYS[2], KEYS[3]
local text = ARGV[4]
local needed = text == "" and 0 or #text + ARGV[3]
if needed > input.maxBytes then return end

local count = redis.call("HLEN", texts)
local total = count == 0 and 0 or tonumber(redis.call("GET", size))
-- A server that is full may have let one of them go.
if total == nil or count ~= redis.call("ZCARD", ends) then
  redis.call("UNLINK", texts, ends, size)
  total = 0
end

local function drop(id)
  total = total - redis.call("HSTRLEN", texts, id) - ARGV[3]
  redis.call("HDEL", texts, id)
  redis.call("ZREM", ends, id)
end

local function isTooMuch(oldest)
  return oldest[1] and (tonumber(oldest[2]) <= now or total + needed > input.maxBytes)
end

if redis.call("HEXISTS", texts, input.id) == 1 then drop(input.id) end
local oldest = redis.call("ZRANGE", ends, 0, 0, "WITHSCORES")
while isTooMuch(oldest) do
  drop(oldest[1])
  oldest = redis.call("ZRANGE", ends, 0, 0, "WITHSCORES")
end
if text ~= "" then
  redis.call("HSET", texts, input.id, text)
  redis.call("ZADD", ends, whole(now + input.ttlMs), input.id)
end
redis.call("SET", size, whole(total + needed))
for _, key in ipairs(KEYS) do redis.call("PEXPIRE", key, whole(input.ttlMs)) end
