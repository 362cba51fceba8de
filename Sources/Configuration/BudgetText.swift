/// The text of a budget: `80/5s,800/3m` or `unlimited`.
enum BudgetText {
    static func parse(_ text: String) throws(ValueError) -> Budget {
        if text == "unlimited" { return .unlimited }
        var windows: [BudgetWindow] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = trim(part)
            guard let slash = part.firstIndex(of: "/"), let limit = UnitText.digits(part[..<slash]),
                let length = UnitText.parse(part[part.index(after: slash)...], UnitText.durations)
            else {
                throw ValueError(
                    message: "is not a budget", mend: "write limits per duration, [80/5s, 800/3m], or unlimited")
            }
            guard (1...1_000_000).contains(limit), (1_000...3_600_000).contains(length), length % 1_000 == 0 else {
                throw ValueError(
                    message: "has a window out of bounds",
                    mend: "write 1 to 1000000 requests per 1s to 1h, in whole seconds")
            }
            guard !windows.contains(where: { $0.milliseconds == length }) else {
                throw ValueError(message: "has two windows of one length", mend: "leave one of them out")
            }
            windows.append(BudgetWindow(limit: Int(limit), milliseconds: length))
        }
        guard windows.count <= 4 else {
            throw ValueError(message: "has too many windows", mend: "write at most 4")
        }
        return .windows(windows)
    }

    static func render(_ budget: Budget) -> String {
        switch budget {
        case .unlimited: "unlimited"
        case .windows(let windows):
            windows.map { "\($0.limit)/\(UnitText.render($0.milliseconds, UnitText.durations))" }
                .joined(separator: ",")
        }
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
