import RevokeEngine

/// The API's own rolling windows, which another program with the same key has a part of.
struct APILimits {
    private struct Use {
        var time: Int64
        var count: Int
    }

    let windows: [BudgetWindow]
    private var uses: [Use] = []
    private var heads: [Int]
    private var sums: [Int]
    /// Up to which second the other program's requests are made.
    private var second: Int64 = 0

    init(windows: [BudgetWindow]) {
        self.windows = windows
        heads = Array(repeating: 0, count: windows.count)
        sums = heads
    }

    private mutating func expire(at now: Int64) {
        for index in windows.indices {
            while heads[index] < uses.count, uses[heads[index]].time <= now - windows[index].duration {
                sums[index] -= uses[heads[index]].count
                heads[index] += 1
            }
        }
    }

    private mutating func add(_ count: Int, at time: Int64) {
        uses.append(Use(time: time, count: count))
        for index in sums.indices { sums[index] += count }
    }

    private var room: Int {
        var room = Int.max
        for index in windows.indices { room = min(room, windows[index].limit - sums[index]) }
        return room
    }

    /// Lets the other program make its requests up to a time: as many in each second as it wants and as have room.
    mutating func advance(to now: Int64, wish: (Int64) -> Int) {
        while second * 1_000 <= now {
            expire(at: second * 1_000)
            let count = min(wish(second), room)
            if count > 0 { add(count, at: second * 1_000) }
            second += 1
        }
        expire(at: now)
    }

    /// A request comes: nil when there is room for it, otherwise the milliseconds until there is.
    mutating func take(at now: Int64) -> Int64? {
        if room > 0 {
            add(1, at: now)
            return nil
        }
        var wait: Int64 = 1
        for index in windows.indices {
            var over = sums[index] - windows[index].limit + 1
            var position = heads[index]
            while over > 0, position < uses.count {
                over -= uses[position].count
                wait = max(wait, uses[position].time + windows[index].duration - now)
                position += 1
            }
        }
        return wait
    }
}

extension World {
    /// What the API's windows say to a request: nil when it has room, otherwise its Retry-After, which it may leave out.
    func refusal(_ contract: Int) -> (retryAfter: Int64?, isRefused: Bool) {
        guard !limits.windows.isEmpty, !profile.engine.budget.isEmpty || phase == .faults else { return (nil, false) }
        let pressed = windows[FaultKind.rateLimit.rawValue]
        let isBusy = phase == .faults
        let dice = dice
        let own = limits.windows
        limits.advance(to: now) { second in
            guard isBusy, let window = own.first else { return 0 }
            let each = max(1, window.limit * 1_000 / Int(window.duration))
            let time = second * 1_000
            if time >= pressed.since, time < pressed.until { return 2 * each }
            switch dice.roll(.otherProgram, second / 8) % 10 {
            case 0...3: return 0
            case 4...7: return Int(dice.roll(.otherProgram, second, 1) % UInt64(each + 1)) / 3
            default: return each
            }
        }
        guard let wait = limits.take(at: now) else { return (nil, false) }
        refusals += 1
        let key = Int64(refusals)
        guard dice.chance(700, .retryAfter, key, Int64(contract), 2) else { return (nil, true) }
        return (oddRetryAfter(key, Int64(contract)) ?? (wait + 999) / 1_000 * 1_000, true)
    }

    /// A Retry-After that is not what it should be: none at all, one that is over, or a long one.
    func oddRetryAfter(_ a: Int64, _ n: Int64) -> Int64? {
        let draw = dice.roll(.retryAfter, a, n, 3) % 1_000
        if draw < 30 { return 0 }
        if draw < 40 { return -5_000 }
        let long = profile.longRetryAfters
        guard !long.isEmpty, draw < 340 else { return nil }
        return long[Int(dice.roll(.retryAfter, a, n, 4) % UInt64(long.count))]
    }

    /// The Retry-After of an answer, if it has one.
    func retryAfter(_ contract: Int, _ call: Int64) -> Int64? {
        let a = Int64(contract)
        guard dice.chance(600, .retryAfter, a, call) else { return nil }
        return oddRetryAfter(a, call) ?? dice.between(1, 8, .retryAfter, a, call, 1) * 1_000
    }
}
