internal import CYAML

/// The libyaml of the process. Any thread.
public enum YAMLLibrary {
    /// The version that is loaded, such as `0.2.5`.
    public static var version: String {
        guard let text = unsafe yaml_get_version_string() else { return "" }
        return unsafe String(cString: text)
    }
}
