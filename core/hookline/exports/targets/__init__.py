"""One module or folder for each platform; `hookline.exports.bundled` lists them."""
