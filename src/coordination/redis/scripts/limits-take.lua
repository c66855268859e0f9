-- KEYS: lease, then for each scope its counts and places.
local states, full = {}, {}
local rateScope, rateBy, rateMs = -1, "", 0

local function refuse(scope, by, since)
  local rest = since and since + minute - now or minute
  if rateScope >= 0 and rest <= rateMs then return end
  rateScope, rateBy, rateMs = scope - 1, by, rest
end

for i, scope in ipairs(input.scopes) do
  local counts, places = KEYS[2 * i], KEYS[2 * i + 1]
  local stored = redis.call("HMGET", counts, "requests", "requestsSince", "tokens", "tokensSince")
  local state = {}
  state.requests, state.requestsSince = used(stored[1], stored[2])
  state.tokens, state.tokensSince = used(stored[3], stored[4])
  states[i] = state
  if scope.rpm and state.requests + 1 > scope.rpm then refuse(i, "rpm", state.requestsSince) end
  if scope.tpm and state.tokens + math.min(input.tokens, scope.tpm) > scope.tpm then refuse(i, "tpm", state.tokensSince) end
  if scope.concurrency then
    redis.call("ZREMRANGEBYSCORE", places, "-inf", whole(now))
    if redis.call("ZCARD", places) >= scope.concurrency then full[#full + 1] = i - 1 end
  end
end

if rateScope >= 0 then return { 0, rateScope, rateBy, rateMs, unpack(full) } end
if #full > 0 then
  if input.isWaiting then
    for _, scope in ipairs(full) do
      local counts = KEYS[2 * scope + 2]
      redis.call("HSET", counts, "awaitedUntil", whole(now + ARGV[3]))
      keep(counts, tonumber(ARGV[3]))
    end
  end
  return { 0, -1, "", 0, unpack(full) }
end

for i, scope in ipairs(input.scopes) do
  local counts, places, state = KEYS[2 * i], KEYS[2 * i + 1], states[i]
  redis.call("HSET", counts, "requests", whole(state.requests + 1), "requestsSince", whole(state.requestsSince or now))
  if scope.tpm then
    local amount, since = math.min(input.tokens, scope.tpm), whole(state.tokensSince or now)
    redis.call("HSET", counts, "tokens", whole(state.tokens + amount), "tokensSince", since)
    redis.call("HSET", KEYS[1], scope.key, since .. " " .. whole(amount))
    redis.call("PEXPIRE", KEYS[1], whole(input.ttlMs))
  end
  redis.call("PEXPIRE", counts, whole(2 * minute))
  if scope.concurrency then
    redis.call("ZADD", places, whole(now + input.ttlMs), input.lease)
    redis.call("PEXPIRE", places, whole(2 * input.ttlMs))
  end
end
return { 1, -1, "", 0 }
