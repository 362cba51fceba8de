package import EventLoop
package import RevokeModel

/// An account's client on a loop that the caller runs. Used on the loop's thread only.
package final class LoopRevokeClient {
    /// The version of the key that new requests are made with: 1 at first.
    package private(set) var keyVersion: UInt64 = 1

    /// Makes a client.
    ///
    /// - Parameters:
    ///   - loop: The loop on which it works.
    ///   - account: How requests are made.
    ///   - gateLimit: The gate refuses to send when the last `tick()` is older, in CLOCK_BOOTTIME milliseconds: half the
    ///     session timeout. nil: it never refuses.
    package init(
        loop: EventLoop, account: AccountConfiguration, gateLimit: Int64?
    ) throws(RevokeClientError) {
    }

    /// Revokes all active credentials of a contract.
    ///
    /// The caller bounds the calls in flight. `freshConnection` asks for a new connection: after an ambiguous end.
    package func revokeAll(
        _ contract: ContractID, freshConnection: Bool, _ done: @escaping (CallResult) -> Void
    ) {
    }

    /// Lists the credentials of a contract.
    package func listCredentials(
        _ contract: ContractID, freshConnection: Bool, _ done: @escaping (ListResult) -> Void
    ) {
    }

    /// Takes another key: requests that begin from now on use it, those in flight keep theirs.
    package func updateKey(_ key: APIKey) {
        keyVersion += 1
    }

    /// Tells the gate that the loop lives: in each turn, or at each tick of what decides.
    package func tick() {}

    /// Ends all requests at once: those in flight are `ambiguous` when they were sent.
    package func close() {}
}
