-- KEYS: for each account its sums and its open leases.
for i, account in ipairs(input.accounts) do
  local sums, leases = KEYS[2 * i - 1], KEYS[2 * i]
  if not isEarly(account) and not begin(sums, leases, account, math.max(account.seed, account.spent)) then
    local known = redis.call("HMGET", sums, "start", "spent")
    if tonumber(known[1]) == account.start and tonumber(known[2]) < account.spent then
      redis.call("HSET", sums, "spent", whole(account.spent))
    end
  end
end
