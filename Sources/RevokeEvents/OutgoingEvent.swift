public import RevokeModel

/// An event to be published: what a producer of `revoke-credentials` events says.
///
/// Nothing is checked but the contract's range, so that tests can write what a decoder must refuse. A pure value; usable
/// on any thread.
public struct OutgoingEvent: Hashable, Sendable {
    /// How an event is laid out in a record (CloudEvents Kafka protocol binding 1.0.2, section 3).
    public enum Mode: String, CaseIterable, Hashable, Sendable {
        /// The attributes in headers, the data in the value.
        case binary
        /// The whole event in the value, with a content type.
        case structured
    }

    /// The attribute `id`.
    public var id: String
    /// The attribute `source`, a URI reference.
    public var source: String
    /// The contract; also the record's key and the attribute `subject`.
    public var contract: ContractID
    /// The account; nil for the worker's default.
    public var account: String?
    /// Why the credentials are to be revoked.
    public var reason: String?
    /// Who found the leak.
    public var reportedBy: String?
    /// When the leak was found; milliseconds since 1970.
    public var detectedAt: Int64?
    /// The attribute `time`; milliseconds since 1970.
    public var time: Int64?
    /// The extension `traceparent` (W3C Trace Context).
    public var traceParent: String?

    /// Makes an event of its parts.
    public init(
        id: String, source: String, contract: ContractID, account: String? = nil, reason: String? = nil,
        reportedBy: String? = nil, detectedAt: Int64? = nil, time: Int64? = nil, traceParent: String? = nil
    ) {
        self.id = id
        self.source = source
        self.contract = contract
        self.account = account
        self.reason = reason
        self.reportedBy = reportedBy
        self.detectedAt = detectedAt
        self.time = time
        self.traceParent = traceParent
    }
}
