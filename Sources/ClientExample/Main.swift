import Glibc
import RevokeClient
import RevokeModel

/// Revokes all active credentials of one contract. Exit status: 0 when they are revoked, 1 when not, 2 for a mistake.
@main
enum ClientExample {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let number = Int64(arguments[3]), let contract = ContractID(number),
            let name = AccountName("main")
        else {
            print("usage: client-example BASE-URL KEY-FILE CONTRACT")
            exit(2)
        }
        do {
            try RevokeClient.initializeWithWipingAllocator()
            var account = AccountConfiguration(
                name: name, baseURL: arguments[1], key: try KeyFile.read(arguments[2]))
            account.requestDeadline = 5_000
            let client = try RevokeClient(accounts: [account])
            let isRevoked = try await revoke(contract, with: client)
            await client.shutdown()
            exit(isRevoked ? 0 : 1)
        } catch {
            // No error of the client holds anything of the key.
            print("error: \(error)")
            exit(2)
        }
    }

    /// Tries three times at most, as long as another attempt makes sense.
    static func revoke(_ contract: ContractID, with client: RevokeClient) async throws -> Bool {
        var needsFreshConnection = false
        for attempt in 1...3 {
            let result = try await client.revokeAll(contract, freshConnection: needsFreshConnection)
            print("attempt \(attempt): \(result.outcome), \(result.duration) ms")
            var delay: Int64 = 200 << Int64(attempt)
            switch result.outcome {
            case .revoked:
                return true
            case .rejected(_, _, nil), .unauthorized, .misdirected(_, mayEndAlone: false), .conflict:
                // The contract, the key or the URL is wrong: the same call gets the same answer.
                return false
            case .misdirected(_, mayEndAlone: true):
                // A page of something on the way, which may let the next attempt through.
                break
            case .ambiguous, .transient:
                // May have been applied. To revoke again is safe only while nobody has made new credentials since.
                needsFreshConnection = true
            case .rejected(_, _, let retryAfter), .rateLimited(let retryAfter), .unavailable(_, let retryAfter):
                delay = max(delay, retryAfter ?? 0)
            case .unreachable, .withheld:
                // Nothing was sent.
                break
            }
            if attempt < 3 { try await Task.sleep(for: .milliseconds(delay)) }
        }
        return false
    }
}
