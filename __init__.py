"""GeoPhrase: the QGIS plugin package and, under the same name, its engine and training packages."""
