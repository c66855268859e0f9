-- Before the scripts that may make accounts. ARGV[3]: how long one is remembered beyond its window.

-- Makes an account that is not known, or of an earlier window, with what is spent in it; whether it did.
local function begin(sums, leases, account, spent)
  local start = tonumber(redis.call("HGET", sums, "start"))
  if start ~= nil and start >= account.start then return false end
  redis.call("DEL", sums, leases)
  redis.call("HSET", sums, "start", whole(account.start), "since", whole(now), "spent", whole(spent), "held", "0")
  redis.call("PEXPIRE", sums, whole(math.max(account["end"] - now, 0) + ARGV[3]))
  return true
end
