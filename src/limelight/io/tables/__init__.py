"""Tables of molecules in the formats of the field, one file per format; see `dispatch`."""
