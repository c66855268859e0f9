-- KEYS: lease, then for each account its sums and its open leases, then leases to forget.
-- ARGV[4]: after so long what one gateway has spent is stored.
for at = 2 * #input.accounts + 2, #KEYS do redis.call("DEL", KEYS[at]) end
if redis.call("HEXISTS", KEYS[1], "settled") == 1 then return end
local reserved = tonumber(redis.call("HGET", KEYS[1], "amount"))

for i, key in ipairs(input.accounts) do
  local sums, leases = KEYS[2 * i], KEYS[2 * i + 1]
  local since, start = unpack(redis.call("HMGET", sums, "since", "start"))
  if since and reserved == nil then
    local isOther = input.starts and tonumber(start) ~= input.starts[i]
    if not isOther and tonumber(since) <= now - input.ageMs + ARGV[4] then
      redis.call("HINCRBY", sums, "spent", whole(input.amount))
    end
  elseif since and redis.call("HGET", KEYS[1], key) == since then
    if redis.call("ZREM", leases, input.lease .. " " .. whole(reserved)) == 1 then
      redis.call("HINCRBY", sums, "held", whole(-reserved))
    end
    redis.call("HINCRBY", sums, "spent", whole(input.amount))
  end
end
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "settled", "1")
redis.call("PEXPIRE", KEYS[1], ARGV[3])
