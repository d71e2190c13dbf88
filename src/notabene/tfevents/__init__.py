"""Event files as TensorBoard's writers leave them: framing, protocol buffers, values.

Read without TensorFlow or TensorBoard, by the importer and by the tap. Needs numpy alone.
"""
