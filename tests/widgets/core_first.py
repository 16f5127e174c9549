"""Makes the core before the application, then docks, and changes the microscope in a thread."""

import sys
import threading
import time

from limelight.acquire import find_core

core = find_core()
heard_before = []
core.events.propertyChanged.connect(lambda *said: heard_before.append(said))
specific = []
core.events.devicePropertyChanged("Camera", "Gain").connect(specific.append)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

from limelight.widgets import microscope_dock  # noqa: E402
from limelight.widgets.listeners import Listeners  # noqa: E402

app = QApplication(sys.argv)
main = threading.get_ident()
where = []


class Dock(microscope_dock.MicroscopeDock):
    def _on_exposure_changed(self, *said):
        where.append(("exposure", threading.get_ident()))
        super()._on_exposure_changed(*said)

    def _on_configuration(self, *said):
        where.append(("configuration", threading.get_ident()))
        super()._on_configuration(*said)


dock = Dock(ViewerModel())
dock.show()
again = Dock(ViewerModel())  # a second window changes nothing
assert again.core.events is dock.core.events is core.events
exposed = dock.exposure
plain = []  # a signal of psygnal, as `Listeners` hears it
from limelight.acquire.use import USE  # noqa: E402

listeners = Listeners(dock)
listeners.on(USE.taken, lambda core: plain.append(threading.get_ident()))
where.clear()


def change():
    core.setExposure(37.0)
    core.setProperty("Camera", "Gain", 3)
    USE.taken.emit(object())


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, (where, heard_before, plain, specific)
        app.processEvents()
        time.sleep(0.005)


thread = threading.Thread(target=change)
thread.start()
thread.join()
assert not plain and not where, "nothing is called in the other thread"
wait_for(lambda: exposed.value() == 37.0 and plain and specific)
assert {ident for _, ident in where} == {main}, where
assert plain == [main]
assert ("Camera", "Gain", "3") in [tuple(map(str, said)) for said in heard_before]
listeners.close()
thread = threading.Thread(target=USE.taken.emit, args=(object(),))
thread.start()
thread.join()
app.processEvents()
assert plain == [main]
for one in (dock, again):
    one.stop()
    one.panels.clear()
    one.close()
print("all in the main thread")
