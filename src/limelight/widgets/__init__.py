"""What a person touches in napari: one dock per file, and the pieces that docks are made of.

Nothing is computed here: a widget asks the floors below, shows what they answer, and runs what
takes time on a worker (`limelight.widgets.worker`, `limelight.widgets.mailbox`).
"""
