/// Paths in messages.
public enum PathText {
    /// Whether a text is surely a path, and not a secret that was put into its place: it begins with `/`, `./` or `../`.
    public static func isPath(_ text: String) -> Bool { ["/", "./", "../"].contains { text.hasPrefix($0) } }

    /// A path for a message; words in its place where the text could be a secret.
    public static func shown(_ path: String) -> String {
        isPath(path) ? path : "the file (not named here, since its path does not begin with / or ./)"
    }
}
