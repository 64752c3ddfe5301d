package lessons

import "github.com/yuin/goldmark/parser"

// headingAttributes makes goldmark read "## Title {#id}".
var headingAttributes = parser.WithAttribute()
