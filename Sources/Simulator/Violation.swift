/// What an oracle found.
public struct Violation: Hashable, Sendable, CustomStringConvertible {
    /// The oracle's name, as `docs/simulation.md` lists it.
    public var oracle: String
    /// What happened.
    public var message: String
    /// When, in virtual milliseconds.
    public var time: Int64
    /// The worker's number, or −1.
    public var worker: Int
    /// The partition that broke, or −1.
    public var partition: Int
    /// The contract that broke (its id), or −1.
    public var contract: Int64

    /// The violation as a sentence.
    public var description: String {
        var text = "\(oracle): \(message) (at \(time) ms"
        if worker >= 0 { text += ", worker \(worker)" }
        if partition >= 0 { text += ", partition \(partition)" }
        if contract >= 0 { text += ", contract \(contract)" }
        return text + ")"
    }
}
