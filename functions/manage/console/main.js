// The start of the console.
document.body.append(document.createTextNode("Waypost"));
