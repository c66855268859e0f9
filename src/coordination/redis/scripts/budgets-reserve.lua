-- KEYS: lease, then for each account its sums and its open leases. Answers account, spent and reserved of each that has no room,
-- or the time where the clock of whoever asks is ahead.
if redis.call("HEXISTS", KEYS[1], "settled") == 1 then return {} end
for _, account in ipairs(input.accounts) do
  if isEarly(account) then return whole(now) end
end

-- What nobody settled in time comes back: whoever set it aside is gone.
local function expire(sums, leases)
  local over = redis.call("ZRANGEBYSCORE", leases, "-inf", whole(now))
  if #over == 0 then return end
  local amount = 0
  for _, member in ipairs(over) do amount = amount + tonumber(string.match(member, "%S+$")) end
  redis.call("ZREMRANGEBYSCORE", leases, "-inf", whole(now))
  redis.call("HINCRBY", sums, "held", whole(-amount))
end

local states, refused = {}, {}
for i, account in ipairs(input.accounts) do
  local sums, leases = KEYS[2 * i], KEYS[2 * i + 1]
  if not begin(sums, leases, account, account.seed) then expire(sums, leases) end
  local state = redis.call("HMGET", sums, "spent", "held", "since")
  states[i] = state
  if tonumber(state[1]) + tonumber(state[2]) + input.amount > account.most then
    refused[#refused + 1] = { i - 1, state[1], state[2] }
  end
end
if #refused > 0 then return refused end

for i, account in ipairs(input.accounts) do
  local sums, leases = KEYS[2 * i], KEYS[2 * i + 1]
  redis.call("HINCRBY", sums, "held", whole(input.amount))
  redis.call("ZADD", leases, whole(now + input.ttlMs), input.lease .. " " .. whole(input.amount))
  keep(leases, input.ttlMs + lateMs)
  redis.call("HSET", KEYS[1], account.key, states[i][3])
end
redis.call("HSET", KEYS[1], "amount", whole(input.amount))
redis.call("PEXPIRE", KEYS[1], whole(input.ttlMs + lateMs))
return refused
