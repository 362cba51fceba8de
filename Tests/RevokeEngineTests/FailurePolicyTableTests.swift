import Foundation
import RevokeEngine
import RevokeModel
import Testing

/// The table "What happens to a call" of the README says what the policy does.
struct FailurePolicyTableTests {
    /// A line of the table.
    struct Row: Hashable, Sendable {
        var outcome: String
        var end: String
        var hold: String
    }

    private static let outcomes: [(name: String, outcome: CallOutcome)] = [
        ("`revoked`", .revoked),
        ("`rejected`", .rejected(status: 404, code: nil)),
        ("`conflict`", .conflict(status: 409)),
        ("`unauthorized`", .unauthorized(keyVersion: 1)),
        ("`rate_limited`", .rateLimited(retryAfter: nil)),
        ("`transient`", .transient(status: 408)),
        ("`unavailable`", .unavailable(status: 503, retryAfter: nil)),
        ("`misdirected`", .misdirected(status: 302)),
        ("`misdirected`, a page in the place of a verdict", .misdirected(status: 403, mayEndAlone: true)),
        ("`unreachable`", .unreachable(.connect)),
        ("`unreachable` by an untrusted certificate", .unreachable(.untrustedCertificate)),
        ("`ambiguous`", .ambiguous(.deadline)),
        ("`withheld`", .withheld),
    ]

    private static func row(_ name: String, _ policy: FailurePolicy) -> Row {
        let configuration = EngineConfiguration()
        let alone = "dead letter after the retry limit, of one contract alone"
        let breaker = "\(configuration.breaker) in a row"
        switch policy {
        case .revoked: return Row(outcome: name, end: "revoked", hold: "ends holds")
        case .permanent:
            return Row(outcome: name, end: "dead letter at once, within the streak limit", hold: "no")
        case .conflict:
            let attempts = configuration.conflictAttempts
            return Row(
                outcome: name, end: "dead letter after \(attempts) attempts, within the streak limit", hold: "no")
        case .unauthorized: return Row(outcome: name, end: alone, hold: "by the key")
        case .rateLimited: return Row(outcome: name, end: "–", hold: "until Retry-After")
        case .retry(let failure):
            return Row(
                outcome: name, end: failure.endsAlone ? alone : "–", hold: failure.holds ? "at once" : breaker)
        case .again: return Row(outcome: name, end: "–", hold: "no")
        }
    }

    @Test func readmeSaysWhatThePolicyDoes() throws {
        let readme = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("README.md")
        let rows = try String(contentsOf: readme, encoding: .utf8).split(separator: "\n").compactMap { line -> Row? in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 6, cells[1].hasPrefix("`") else { return nil }
            return Row(outcome: cells[1], end: cells[3], hold: cells[4])
        }
        #expect(rows == Self.outcomes.map { Self.row($0.name, FailurePolicy($0.outcome)) })
    }
}
