public import RevokeModel

/// A client of the API for any program: safe on every thread, with a thread of its own.
public final class RevokeClient: Sendable {
    /// Makes a client and starts its thread.
    public init(accounts: [AccountConfiguration]) throws(RevokeClientError) {}

    /// Revokes all active credentials of a contract.
    public func revokeAll(
        _ contract: ContractID, account: AccountName? = nil
    ) async throws(RevokeClientError) -> CallResult {
        throw .closed
    }

    /// Waits for the calls that were begun and ends the thread.
    public func shutdown() async {}
}
