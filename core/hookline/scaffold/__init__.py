"""Beginning a plugin: a whole repository from templates, written by ``hookline new``.

Templates are files of this package with the ending ``.tmpl``. `string.Template` fills them in, so that none
of them can run anything.
"""
