"""Local stand-ins of the platforms: try Leja, or a change of rules, without touching real accounts."""
