-- KEYS: lease, then for each scope its counts and places. Answers the scopes that somebody waits for.
local awaited = {}

local function correct(counts, reservation)
  local reservedSince, amount = string.match(reservation, "^(%S+) (%S+)$")
  local stored = redis.call("HMGET", counts, "tokens", "tokensSince")
  local tokens, since = used(stored[1], stored[2])
  local difference = input.tokens - tonumber(amount)
  -- When the minute of the estimate is over, what exceeds it counts in the running one.
  if difference <= 0 and not (since and stored[2] == reservedSince) then return end
  redis.call("HSET", counts, "tokens", whole(tokens + difference), "tokensSince", whole(since or now))
  redis.call("PEXPIRE", counts, whole(2 * minute))
end

for i, key in ipairs(input.scopes) do
  if input.tokens then
    local reservation = redis.call("HGET", KEYS[1], key)
    if reservation then
      redis.call("HDEL", KEYS[1], key)
      correct(KEYS[2 * i], reservation)
    end
  end
  if input.isOver and redis.call("ZREM", KEYS[2 * i + 1], input.lease) == 1 then
    local awaitedUntil = tonumber(redis.call("HGET", KEYS[2 * i], "awaitedUntil"))
    if awaitedUntil and awaitedUntil > now then awaited[#awaited + 1] = key end
  end
end
if input.isOver then redis.call("DEL", KEYS[1]) end
return awaited
