public import Curl
public import RevokeModel

/// Why a client cannot be made or used. Ends of requests are never errors: see `CallOutcome`.
public enum RevokeClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The base URL of an account is not accepted.
    case baseURL(AccountName, BaseURLError)
    /// A number of an account's configuration is out of its range.
    case outOfRange(AccountName, option: String)
    /// The proxy of an account is not of the form `http://host:port`.
    case proxy(AccountName)
    /// The base URL of an account is plain HTTP, and its proxy would see the key.
    case plainHTTPThroughProxy(AccountName)
    /// The program's name for the header `User-Agent` is not 1 to 128 printable ASCII characters.
    case program
    /// An account is there twice.
    case duplicateAccount(AccountName)
    /// No account was given.
    case noAccounts
    /// The client has no such account; nil: there are several and none was named.
    case unknownAccount(AccountName?)
    /// libcurl or the operating system refused what is needed to begin.
    case cannotStart(String)
    /// The client was shut down.
    case closed
    /// The task was cancelled before anything was sent.
    case cancelled

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .baseURL(let account, let error): "account \(account): \(error)"
        case .outOfRange(let account, let option): "account \(account): \(option) is out of its range"
        case .proxy(let account): "account \(account): the proxy is not of the form http://host:port"
        case .plainHTTPThroughProxy(let account):
            "account \(account): plain http through a proxy shows the key to the proxy, which is not allowed"
        case .program: "the program's name is not 1 to 128 printable ASCII characters, or begins or ends with a space"
        case .duplicateAccount(let account): "account \(account) is there twice"
        case .noAccounts: "there is no account"
        case .unknownAccount(let account?): "there is no account \(account)"
        case .unknownAccount(nil): "there are several accounts and none was named"
        case .cannotStart(let reason): "the client cannot start: \(reason)"
        case .closed: "the client is shut down"
        case .cancelled: "the task was cancelled before anything was sent"
        }
    }
}
